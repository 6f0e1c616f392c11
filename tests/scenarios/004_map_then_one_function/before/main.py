from shop.prices import price_of
from shop.till import Till

till = Till()
till.sell("apple", 2)
print(till.total, price_of("pear"))
