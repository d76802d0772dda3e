"""The studio: a page on this machine that shows looks, renders films and dreams the webcam.

Three processes: the server, which serves the page and loads neither OpenCV nor TensorFlow; the
*media* process, which decodes and encodes (thumbnails, playable copies, GIFs); and the *engine*,
which has the networks.  Where one of the latter two crashes, what it was at fails with a line, and
it starts again with the next task.
"""
