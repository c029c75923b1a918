"""Short names: the case, and what differs from its default."""


class ShortName:
    """Name of a parametrised solver or dataset for legends and tables.

    ``block-power`` with its defaults, ``block-power[oversampling=5]``
    otherwise; the default is the first value that the class declares. The
    physical case of a dataset is always shown. Names stay distinct, which a
    ``parameter_template`` that leaves out parameters would not guarantee.
    """

    def __repr__(self):
        changed = [f"{key}={self._parameters[key]}"
                   for key, values in self.parameters.items()
                   if key == "case" or self._parameters[key] != values[0]]
        return self.name + (f"[{','.join(changed)}]" if changed else "")
