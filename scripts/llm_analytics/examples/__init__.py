"""Real public data sets as events of the tracking plan: to try the models on, and to test them."""
