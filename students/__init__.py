"""The small architectures. To add one is one file with a plain nn.Module and one line here."""

from students.architecture import Architecture

STUDENTS = {
    "linear": Architecture("linear", "Linear"),
    "static": Architecture("static", "Static"),
    "cnn": Architecture("cnn", "CNN"),
    "bilstm": Architecture("bilstm", "BiLSTM"),
    "resnext1d": Architecture("resnext1d", "ResNeXt1D"),
    "resnet": Architecture("resnet", "ResNet"),
    "mobilenet": Architecture("mobilenet", "MobileNet"),
    "transformer": Architecture("transformer", "TransformerStudent"),
    "image-body": Architecture("image_body", "ImageBodyStudent"),
}
