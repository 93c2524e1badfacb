import importlib.util

import itsdangerous


def main():
    print(itsdangerous.__name__, importlib.util.find_spec("blinker"))
