"""The small architectures. To add one is one file with a plain nn.Module and one line here."""

from students.bilstm import BiLSTM
from students.cnn import CNN
from students.image_body import ImageBodyStudent
from students.linear import Linear
from students.mobilenet import MobileNet
from students.resnet import ResNet
from students.resnext1d import ResNeXt1D
from students.static import Static
from students.student import Student
from students.transformer import TransformerStudent

STUDENTS: dict[str, type[Student]] = {
    "linear": Linear,
    "static": Static,
    "cnn": CNN,
    "bilstm": BiLSTM,
    "resnext1d": ResNeXt1D,
    "resnet": ResNet,
    "mobilenet": MobileNet,
    "transformer": TransformerStudent,
    "image-body": ImageBodyStudent,
}
