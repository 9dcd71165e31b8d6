"""Where and how the chain runs: processes, launchers, tracking, clusters, prices."""
