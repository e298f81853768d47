"""The few layers that train.py needs, with their gradients, in numpy. Images are NHWC here; train.py writes NCHW ONNX."""
import numpy as np


class Parameter:
    def __init__(self, value):
        self.value = value.astype(np.float64)
        self.gradient = np.zeros_like(self.value)
        self.mean = np.zeros_like(self.value)
        self.square = np.zeros_like(self.value)


class Layer:
    def parameters(self):
        return [p for p in vars(self).values() if isinstance(p, Parameter)]


class Dense(Layer):
    def __init__(self, random, inputs, outputs):
        self.weight = Parameter(random.normal(0, np.sqrt(2 / inputs), (inputs, outputs)))
        self.bias = Parameter(np.zeros(outputs))

    def forward(self, x, training):
        self.x = x
        return x @ self.weight.value + self.bias.value

    def backward(self, g):
        self.weight.gradient = self.x.T @ g
        self.bias.gradient = g.sum(0)
        return g @ self.weight.value.T


class Relu(Layer):
    def forward(self, x, training):
        self.mask = x > 0
        return x * self.mask

    def backward(self, g):
        return g * self.mask


class Conv(Layer):
    """A 3x3 (pad 1) or 1x1 convolution without bias; depthwise when `depthwise`. Weight: [k, k, in (or 1), out]."""

    def __init__(self, random, inputs, outputs, size, depthwise=False):
        self.size, self.depthwise = size, depthwise
        fan_in = size * size * (1 if depthwise else inputs)
        self.weight = Parameter(random.normal(0, np.sqrt(2 / fan_in), (size, size, 1 if depthwise else inputs, outputs)))

    def taps(self, height, width):
        return [(y, x, slice(y, y + height), slice(x, x + width)) for y in range(self.size) for x in range(self.size)]

    def forward(self, x, training):
        pad = self.size // 2
        self.padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        out = 0
        for ky, kx, ys, xs in self.taps(*x.shape[1:3]):
            w = self.weight.value[ky, kx]
            window = self.padded[:, ys, xs]
            out = out + (window * w[0] if self.depthwise else window @ w)
        return out

    def backward(self, g):
        pad = self.size // 2
        height, width = g.shape[1:3]
        gradient = np.zeros_like(self.padded)
        for ky, kx, ys, xs in self.taps(height, width):
            w = self.weight.value[ky, kx]
            window = self.padded[:, ys, xs]
            if self.depthwise:
                self.weight.gradient[ky, kx, 0] = (window * g).sum((0, 1, 2))
                gradient[:, ys, xs] += g * w[0]
            else:
                self.weight.gradient[ky, kx] = np.tensordot(window, g, ((0, 1, 2), (0, 1, 2)))
                gradient[:, ys, xs] += g @ w.T
        return gradient[:, pad:pad + height, pad:pad + width]


class BatchNorm(Layer):
    EPSILON, MOMENTUM = 1e-5, 0.9

    def __init__(self, channels):
        self.scale = Parameter(np.ones(channels))
        self.shift = Parameter(np.zeros(channels))
        self.running_mean, self.running_variance = np.zeros(channels), np.ones(channels)

    def forward(self, x, training):
        axes = tuple(range(x.ndim - 1))
        mean, variance = (x.mean(axes), x.var(axes)) if training else (self.running_mean, self.running_variance)
        if training:
            self.running_mean = self.MOMENTUM * self.running_mean + (1 - self.MOMENTUM) * mean
            self.running_variance = self.MOMENTUM * self.running_variance + (1 - self.MOMENTUM) * variance
        self.deviation = np.sqrt(variance + self.EPSILON)
        self.normal = (x - mean) / self.deviation
        return self.normal * self.scale.value + self.shift.value

    def backward(self, g):
        axes = tuple(range(g.ndim - 1))
        self.scale.gradient = (g * self.normal).sum(axes)
        self.shift.gradient = g.sum(axes)
        g = g * self.scale.value
        return (g - g.mean(axes) - self.normal * (g * self.normal).mean(axes)) / self.deviation


class GlobalAverage(Layer):
    def forward(self, x, training):
        self.shape = x.shape
        return x.mean((1, 2))

    def backward(self, g):
        _, height, width, _ = self.shape
        return np.broadcast_to(g[:, None, None, :] / (height * width), self.shape)


class Residual(Layer):
    """relu(x + body(x))"""

    def __init__(self, body):
        self.body = body

    def parameters(self):
        return [p for layer in self.body for p in layer.parameters()]

    def forward(self, x, training):
        y = x
        for layer in self.body:
            y = layer.forward(y, training)
        self.mask = x + y > 0
        return (x + y) * self.mask

    def backward(self, g):
        g = g * self.mask
        h = g
        for layer in reversed(self.body):
            h = layer.backward(h)
        return g + h


def forward(layers, x, training=False):
    for layer in layers:
        x = layer.forward(x, training)
    return x


def train_step(layers, x, labels, rate, step):
    """One Adam step on the mean cross entropy."""
    logits = forward(layers, x, training=True)
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    gradient = p / len(labels)
    for layer in reversed(layers):
        gradient = layer.backward(gradient)
    for parameter in (q for layer in layers for q in layer.parameters()):
        g = parameter.gradient + 1e-4 * parameter.value
        parameter.mean = 0.9 * parameter.mean + 0.1 * g
        parameter.square = 0.999 * parameter.square + 0.001 * g * g
        mean, square = parameter.mean / (1 - 0.9 ** step), parameter.square / (1 - 0.999 ** step)
        parameter.value = parameter.value - rate * mean / (np.sqrt(square) + 1e-8)
