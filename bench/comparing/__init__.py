"""What bench/compare runs: see bench/README.md."""
