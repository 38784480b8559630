"""The vault server: keeps sealed copies for modules elsewhere; sees ciphertext and random names. (DESIGN 3)"""
