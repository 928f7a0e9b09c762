"""The Slurm executor: a build as a chain of job arrays that needs no driver once it is submitted."""
