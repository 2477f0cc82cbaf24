"""All that is known of each engine: how it is found and started, its name, its rank, its checks."""
