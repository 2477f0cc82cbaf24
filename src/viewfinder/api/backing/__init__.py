"""What stands behind the web page: implements `dashboard/backing`, opened by `serving`.

What takes long is a `viewfinder` command in a process of its own; everything else runs in threads.
"""
