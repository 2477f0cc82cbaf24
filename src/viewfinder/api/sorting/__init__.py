"""`viewfinder sort`: the pictures of a folder, sorted by what a model decides about each.

`run` is the story; `plan` what was wanted, `walk` the pictures, `decided` the answers that are kept, `target`
the folder that is sorted into, `table` the CSV file.
"""
