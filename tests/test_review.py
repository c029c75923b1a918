"""The review: one bibliography, all of it used; a taxonomy of all methods."""
import re
from functools import cache

import pytest
from conftest import LIBRARIES, METHODS, ROOT, SOLVERS
from docutils.core import publish_doctree

DOCS = ROOT / "docs"
BIBLIOGRAPHY = "references.rst"


@cache
def parsed(name):
    """The document; raises if it has an error, such as a missing target."""
    return publish_doctree((DOCS / name).read_text(),
                           settings_overrides={"halt_level": 2})


def nodes(document, tag):
    return [node for node in document.findall() if node.tagname == tag]


def words(node):
    """The text of a node on one line."""
    return " ".join(node.astext().split())


def entries():
    """Identifier -> (label, the entry's paragraph)."""
    for item in nodes(parsed(BIBLIOGRAPHY), "definition_list_item"):
        target, = nodes(item, "target")
        paragraph, = nodes(item, "paragraph")
        yield target["ids"][0], (target.astext(), paragraph)


ENTRIES = dict(entries())


def citations(name):
    """(identifier, text) of every link into the bibliography."""
    for link in nodes(parsed(name), "reference"):
        page, _, key = link.get("refuri", "").partition("#")
        if page == BIBLIOGRAPHY and key:
            yield key, words(link)


CITATIONS = {page.name: set(citations(page.name))
             for page in sorted(DOCS.glob("*.rst"))}


def test_every_citation_has_an_entry():
    for page, cited in CITATIONS.items():
        for key, text in cited:
            assert ENTRIES[key][0] == text, page


# Author and year, without words that stand before other numbers.
WORK = re.compile(
    r"\b(?!JPEG|November|On )[A-Z][\w-]+(?: et al\.,?| (?:&|and) [A-Z]\w+)?,?"
    r" \(?(?:19|20)\d\d\b")


@pytest.mark.parametrize("page", sorted(set(CITATIONS) - {BIBLIOGRAPHY}))
def test_works_are_cited_by_links(page):
    """No author and year, and no preprint's number, in the text itself."""
    text = words(parsed(page))
    for _, cited in CITATIONS[page]:
        text = text.replace(cited, "")
    assert not WORK.findall(text) and "arXiv" not in text


def test_every_entry_is_cited():
    assert {key for cited in CITATIONS.values()
            for key, _ in cited} == set(ENTRIES)


@pytest.mark.parametrize("key", ENTRIES)
def test_entry(key):
    """First author and year of the label, initials, title, venue, links."""
    label, paragraph = ENTRIES[key]
    author, year = label.split()[0], label.split()[-1]
    text = words(paragraph)
    assert text.startswith(author)
    assert re.search(rf", {year}\.( |$)", text)
    title, = nodes(paragraph, "emphasis")
    authors, venue = text.split(words(title))
    for name in re.split(", | & ", authors.replace(" et al.", "").strip()):
        assert re.fullmatch(r"[^.]+( [A-Z]\.(-[A-Z]\.)?)+", name), name
    assert re.match(r" [A-Z]", venue)
    assert "Preprint" not in venue or "arxiv.org/abs/" in venue


def test_entries_are_in_order():
    labels = [label.replace("& ", "").lower()
              for label, _ in ENTRIES.values()]
    assert labels == sorted(labels)


def surnames(reference):
    """Years and the words before them in the reference of a docstring."""
    reference = re.sub(r"arXiv \d{4}\.\d+", "", reference)
    for match in re.finditer(r"([^;:(]*?)\s((?:19|20)\d\d)\b", reference):
        first = re.search(r"[A-Z][a-z]+(-[A-Z][a-z]+)*", match[1])
        if first:
            yield first[0], match[2]


KNOWN = {(label.split()[0], label.split()[-1])
         for label, _ in ENTRIES.values()}


@pytest.mark.parametrize("name", SOLVERS)
def test_references_of_docstrings(name):
    """The bibliography knows the works that a method's docstring cites."""
    docstring = " ".join(SOLVERS[name].__doc__.replace("&amp;", "&").split())
    assert set(surnames(docstring.partition("<b>Reference:</b>")[2])) <= KNOWN


def test_works_cited_in_modules():
    """It also knows those of the modules: first author, others, year."""
    work = re.compile(r"\b([A-Z][\w-]+)(?: et al\."
                      r"|(?:, [A-Z]\w+)* & [A-Z]\w+)? ((?:19|20)\d\d)\b")
    cited = {found: path.name
             for path in (ROOT / "benchmark_utils").rglob("*.py")
             for found in work.findall(
                 " ".join(path.read_text().replace("#", "").split()))}
    assert len(cited) > 15
    assert not {found: cited[found] for found in cited if found not in KNOWN}


def taxonomy():
    """Method -> the cells of its row."""
    section = next(
        section for section in nodes(parsed("methods.rst"), "section")
        if section[0].astext() == "Taxonomy")
    for row in nodes(nodes(section, "tbody")[0], "row"):
        first, *cells = [words(cell) for cell in row]
        yield first, cells


def test_taxonomy():
    table = dict(taxonomy())
    methods = {name: solver for name, solver in METHODS.items()
               if name not in LIBRARIES}  # which do what methods here do
    assert set(table) == set(methods)
    for name, solver in methods.items():
        partition, _, rounds, data, _ = table[name]
        assert partition == ("both" if len(solver.partitions) == 2
                             else solver.partitions[0])
        assert (data.split(",")[0] == "stream") == solver.one_pass
        assert rounds != "batch" or solver.one_pass


def test_links_between_pages():
    for page in DOCS.glob("*.rst"):
        for link in nodes(parsed(page.name), "reference"):
            uri = link.get("refuri", "").partition("#")[0]
            if uri and "://" not in uri:
                assert (DOCS / uri).is_file(), (page.name, uri)


def test_glossary_defines_its_terms():
    page = parsed("glossary.rst")
    terms = {words(term) for term in nodes(page, "term")}
    assert {"round", "pass", "one pass", "dealt"} <= terms
    assert len(nodes(page, "target")) == len(terms)
