from shop.prices import price_of


class Till:
    def __init__(self):
        self.total = 0.0

    def sell(self, name, count):
        self.total += price_of(name, count)
