"""ABS with decoders G(z) = A z + m: inference is a linear system, and the robustness is known exactly."""

import torch

from analysis_by_synthesis.inference.engine import Runs, Solution
from analysis_by_synthesis.models.abs import ABS
from analysis_by_synthesis.models.binary_abs import BinaryABS
from analysis_by_synthesis.networks.decoder import Decoder


class Linear(Decoder):
    """G(z) = A z + m, for A (784, 8) and m (784,) in double precision."""

    latent_dim, image_shape = 8, (1, 28, 28)

    def __init__(self, a, m):
        super().__init__()
        self.a, self.m = a.double(), m.double()

    def forward(self, z):
        return (z @ self.a.T + self.m).view(-1, 1, 28, 28)

    def solve(self, x, prior=1.0):
        """The optimal latent and its value for images (N, 784)."""
        x = x.double()
        target = (x - self.m) @ self.a
        z = torch.linalg.solve(2 * self.a.T @ self.a + prior * torch.eye(8).double(), 2 * target.T).T
        return z, (x - self.m - z @ self.a.T).square().sum(1) + prior * z.square().sum(1) / 2

    def quadratic(self):
        """Q with D(x) = (x - m)' Q (x - m)."""
        inner = torch.linalg.inv(self.a.T @ self.a + torch.eye(8).double() / 2)
        return torch.eye(784).double() - self.a @ inner @ self.a.T


class Exact:
    """The inference engine of linear decoders; like the others it answers in single precision."""

    def __init__(self, decoders):
        self.decoders, self.classes, self.latent_dim = decoders, len(decoders), 8
        self.candidates = torch.randn(20, 8, generator=torch.Generator().manual_seed(0))

    def decode(self, classes, latents):
        classes = torch.full((len(latents),), classes) if isinstance(classes, int) else classes
        return torch.stack([decoder(latents.double()) for decoder in self.decoders]).float()[
            classes, range(len(latents))
        ]

    def reconstruct(self, latents):
        return torch.stack([decoder(z.double()) for decoder, z in zip(self.decoders, latents.unbind(1))], 1).float()

    def jacobian(self, classes, latents):
        return torch.stack([decoder.a for decoder in self.decoders]).float()[classes]

    def bfgs(self, x, image, classes, runs, evaluations, prior=1.0):
        value, latent = self.refine(x[image], classes, runs.latent, evaluations, prior)
        return Runs(latent, value, torch.zeros_like(latent), runs.inverse_hessian, torch.ones_like(value))

    def refine(self, x, classes, latents, evaluations, prior=1.0):
        z, value = (torch.stack(t) for t in zip(*(decoder.solve(x.flatten(1), prior) for decoder in self.decoders)))
        return value.float()[classes, range(len(x))], z.float()[classes, range(len(x))]

    def infer(self, x, gamma=1.0, search=None):
        z, value = zip(*(decoder.solve(x.flatten(1)) for decoder in self.decoders))
        return Solution(torch.stack(value, 1).float(), torch.stack(z, 1).float())

    def classify(self, x, gamma=1.0):
        return (gamma * self.infer(x).distance).argmin(1)

    def starts(self, x, number):
        return torch.zeros(len(x), self.classes, number, 8)


class LinearABS(ABS):
    @property
    def inference(self):
        return Exact(list(self.decoders))

    def follow(self, samples):
        return lambda x, rows: self(x)


class LinearBinaryABS(BinaryABS):
    @property
    def inference(self):
        return Exact(list(self.decoders))

    def follow(self, samples):
        return lambda x, rows: self(x)
