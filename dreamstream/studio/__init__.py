"""The studio: a page on this machine that shows looks, renders films and dreams the webcam.

Processes: the server, which serves the page and loads neither OpenCV nor TensorFlow; two for
*media*, one that looks into files (frames, thumbnails) and one for what takes long (copies that
browsers play, GIFs); and the *engine*, which has the networks.  Where one of them crashes, what it
was at fails with a line, and it starts again with the next task.
"""
