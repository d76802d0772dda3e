"""The live view: a camera's world dreams in a window, with no growing delay.

Three threads and the main one, and a slot for the newest between each: capture keeps the newest
frame, the dream thread carries the residual along the flow to it, the network's thread lets that
residual grow, and the main thread shows the newest dream.  Nothing waits for the network, and
nothing is queued.
"""
