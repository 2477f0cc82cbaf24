"""Who this gateway is to others: a request that a gateway sends says so, and is never passed on again."""

import secrets

GATEWAY_ID = secrets.token_hex(8)
"""Of this process."""
VIA_HEADER = "x-viewfinder-via"
"""The gateway that a request comes from."""
