"""What is measured: a folder a subject, `base` the contract they keep, `registry` the list of them."""
