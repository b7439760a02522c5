"""The constants of the ELBO that D leaves out, class by class.

D_c(x) is the negative ELBO of a point posterior (eq. 3, 5). Against that of q(z|x) it lacks what the variance of the posterior
costs: the reconstruction that gets worse, and the variance's part of the KL divergence. Both hardly depend on the image, so the
paper drops them. They do depend on the class, since a class of more various images takes a more exact posterior: without
them the classes are not compared by their likelihoods.
"""

import torch
from torch import Tensor

from analysis_by_synthesis.inference import Inference
from analysis_by_synthesis.networks.autoencoder import Autoencoder
from analysis_by_synthesis.training.vae import kl_divergence, reconstruction_error


@torch.no_grad()
def class_offset(vae: Autoencoder, inference: Inference, images: Tensor, label: int, seed: int) -> float:
    """The mean of the negative ELBO less D_c, over training images (N, *image_shape) of class `label`.

    Args:
        vae: of this class.
        inference: of all classes.
        seed: of one draw from q(z|x) for each image.
    """
    mean, log_variance = vae.encoder(images)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(seed)).to(mean)
    reconstruction = vae.decoder(mean + noise * (0.5 * log_variance).exp())
    elbo = reconstruction_error(images, reconstruction) + kl_divergence(mean, log_variance)
    distance = inference.infer(images, search="arbiter").distance[:, label]
    return float((elbo - distance).mean())
