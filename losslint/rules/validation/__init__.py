"""Rules about validation: is the loss a number that it can be?"""
