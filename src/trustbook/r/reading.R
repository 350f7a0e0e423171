cells <- read.csv(text = @{cells}, quote = "\"", na.strings = character(0), colClasses = c(rep("character", length(levels_of)), rep("numeric", @{totals})), check.names = FALSE)
for (axis in names(levels_of)) cells[[axis]] <- factor(cells[[axis]], levels_of[[axis]])
# The lower triangle, column by column, of the covariance matrix of (sum_w of each cell, sum_wy of each cell).
S <- matrix(0, 2 * nrow(cells), 2 * nrow(cells))
S[lower.tri(S, TRUE)] <- scan(quiet = TRUE, text = "
@{covariance}
")
S[upper.tri(S)] <- t(S)[upper.tri(S)]
d <- @{df}                                               # design degrees of freedom: PSUs less strata
