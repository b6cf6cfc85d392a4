"""The commands of `trunkline`, a file each; what they look into (`looking`), and how they say it (`output`)."""
