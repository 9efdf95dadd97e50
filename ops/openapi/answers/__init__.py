"""What the API answers with, as shapes. The services build their answers as plain dictionaries; the tests
hold each shape against the very functions that do it (see ``examples.py``).
"""
