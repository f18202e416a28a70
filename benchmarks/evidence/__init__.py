"""Rate and quality of this codec and of others, on real clips, in one resumable run; see __main__."""
