"""A native llama.cpp for this processor, from the sources on PyPI; called by `viewfinder engine`."""
