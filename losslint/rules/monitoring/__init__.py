"""Rules about monitoring: would anyone see what the losses do?"""
