"""Archives of fields, and what codecs are made of.

May import ``methods``; what runs here runs on ranks.
"""
