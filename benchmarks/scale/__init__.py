"""How far one fleet on Ray Serve grows: measured on three nodes, simulated to a thousand (docs/scale.md)."""
