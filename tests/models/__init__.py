"""Short independent models: the second opinion that tests compare the product with. They import nothing of it."""
