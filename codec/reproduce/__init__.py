"""The paper's experiment on a user's own sequences: our codec and its peers, rates, perception and BD-rates."""
