"""Reinforcement learning on verifiable answers: grading, rewards, rollouts, losses."""
