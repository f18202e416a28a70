"""The pocket prior: its items, its transform, its training and refinement, its export."""
