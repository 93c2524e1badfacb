import importlib.util

import itsdangerous

print(itsdangerous.__name__, importlib.util.find_spec("blinker"))
