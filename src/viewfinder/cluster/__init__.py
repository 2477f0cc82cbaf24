"""Many machines, on Ray Serve: each replica owns the fleet of its node, and the gateway asks the replicas."""
