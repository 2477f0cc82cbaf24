"""What goes wrong with a server that goes on answering: how it is provoked, found and shown. Called by the
stages `stability` and `soak`, and by `trial`, which writes down what they found."""
