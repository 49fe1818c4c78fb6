// ImageDecoding
