"""Where installed packages keep their tables."""

from importlib.metadata import distribution
from pathlib import Path

PENGUINS = ("palmerpenguins", "palmerpenguins/data/penguins.csv")
WEATHER = ("vega_datasets", "vega_datasets/_data/seattle-weather.csv")
STOCKS = ("vega_datasets", "vega_datasets/_data/stocks.csv")
COUNTRIES = ("gapminder", "gapminder/gapminder.csv")
AIRPORTS = ("vega_datasets", "vega_datasets/_data/airports.csv")


def shipped(package: str, path: str) -> Path:
    return Path(distribution(package).locate_file(path))
