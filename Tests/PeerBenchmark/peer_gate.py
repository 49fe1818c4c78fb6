"""Scores an image file with open_nsfw and its reference preprocessing, as whoever starts from the model's own package would."""
import io
import os

import numpy as np
import onnxruntime
from PIL import Image

MEAN_BGR = np.array([104, 117, 123], np.float32)
Image.MAX_IMAGE_PIXELS = 100_000_000


def preprocess(file):
    """256 x 256 bilinear, the middle 224, a JPEG round trip, BGR less the mean."""
    image = Image.open(file)
    if image.mode != "RGB":
        image = image.convert("RGB")
    image = image.resize((256, 256), Image.BILINEAR).crop((16, 16, 240, 240))
    encoded = io.BytesIO()
    image.save(encoded, "JPEG")
    return (np.asarray(Image.open(encoded))[:, :, ::-1] - MEAN_BGR)[None]


class OpenNsfw:
    def __init__(self):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            os.environ["MODEL"], options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def score(self, file):
        return float(self.session.run(None, {self.input: preprocess(file)})[0][0][1])
