"""The weights of large priors and of metric networks on this machine: what there is, getting, verifying, removing."""
