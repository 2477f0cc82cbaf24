"""The web page that the gateway serves at /: look, ask, compare; pages only, the data is the API's own."""
