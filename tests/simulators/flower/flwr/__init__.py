"""Flower in small: the parts that `training.sites` uses, server and sites in one process.

It averages as FedAvg does and hands replies over in an order of its own, as networks do.
"""
