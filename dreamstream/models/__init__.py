"""Networks that dream: what there is, their weights, and the extractors made of them.

``catalog`` is plain data and loads no TensorFlow; ``extractor`` builds networks.
"""
