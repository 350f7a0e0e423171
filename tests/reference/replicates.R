# Replicate-weight designs on a small made-up sample (seeded, nobody's answers): 8 strata x 2 PSUs x 15 rows.
# Writes replicates_data.csv (the rows with all combined replicate weights), replicates_scales.csv and replicates.csv.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
RNGkind("Mersenne-Twister", "Inversion", "Rejection"); set.seed(20220911)
rows <- expand.grid(person = 1:15, psu = 1:2, stratum = 1:8)
made <- data.frame(stratum = rows$stratum, psu = rows$psu, w = round(runif(240, 0.4, 3) * (0.6 + rows$stratum / 10), 4))
made$a <- ifelse(runif(240) < 0.45, "yes", "no"); made$b <- ifelse(runif(240) < 0.40, "yes", "no")
psu_effect <- rnorm(16, 0, 0.5)[(rows$stratum - 1) * 2 + rows$psu]
made$y <- as.numeric(runif(240) < plogis(-0.5 + 0.6 * (made$a == "yes") + 0.4 * (made$b == "yes") + 0.5 * (made$a == "yes" & made$b == "yes") + psu_effect))
made <- made[c("stratum", "psu", "w", "y", "a", "b")]

stratified <- svydesign(ids = ~psu, strata = ~stratum, nest = TRUE, weights = ~w, data = made)
made$psu_unique <- made$stratum * 10 + made$psu
clustered <- svydesign(ids = ~psu_unique, weights = ~w, data = made)
made$psu_unique <- NULL
converted <- list(JK1 = as.svrepdesign(clustered, type = "JK1"), JKn = as.svrepdesign(stratified, type = "JKn"), BRR = as.svrepdesign(stratified, type = "BRR"),
  Fay = as.svrepdesign(stratified, type = "Fay", fay.rho = 0.3), bootstrap = as.svrepdesign(stratified, type = "bootstrap", replicates = 30))
prefix <- c(JK1 = "jk1", JKn = "jkn", BRR = "brr", Fay = "fay", bootstrap = "boot")
data <- made
for (type in names(converted)) {
  W <- unname(as.matrix(weights(converted[[type]], "analysis")))
  colnames(W) <- paste0(prefix[[type]], "_", seq_len(ncol(W)))
  data <- cbind(data, W)
}
write_table(data, "replicates_data.csv")
data <- read.csv(file.path(out_dir, "replicates_data.csv"))               # from here on: exactly the committed numbers
data$a <- factor(data$a, levels = c("no", "yes")); data$b <- factor(data$b, levels = c("no", "yes"))

# scale and rscales: what the conversion gave, and what svrepdesign() takes when it is given none with these combined weights
scales <- list()
for (type in names(converted)) {
  from <- converted[[type]]
  W <- as.matrix(data[grep(paste0("^", prefix[[type]], "_"), names(data))])
  default <- tryCatch(suppressWarnings(svrepdesign(data = data, weights = ~w, repweights = W, type = type, rho = if (type == "Fay") 0.3, combined.weights = TRUE)), error = function(e) NULL)
  text <- function(x) if (is.null(x)) "refused" else sprintf("%.15g", x)
  scales[[type]] <- data.frame(type = type, column = colnames(W), scale = from$scale, rscale = rep_len(from$rscales, ncol(W)),
                               svrepdesign_scale = text(default$scale), svrepdesign_rscale = text(default$rscales), fay_rho = if (type == "Fay") "0.3" else "")
}
write_table(do.call(rbind, scales), "replicates_scales.csv")

for (type in names(converted)) for (mse in c(TRUE, FALSE)) {
  from <- converted[[type]]
  W <- as.matrix(data[grep(paste0("^", prefix[[type]], "_"), names(data))])
  design <- suppressWarnings(svrepdesign(data = data, weights = ~w, repweights = W, type = type, rho = if (type == "Fay") 0.3, combined.weights = TRUE,
                                         scale = from$scale, rscales = from$rscales, mse = mse))
  same(design$scale, from$scale, 1e-12, "scale kept")
  root <- paste0("replicates/", type, "/mse=", mse, "/y/")
  for (axes in list(NULL, "a", c("a", "b"))) emit_levels(paste0(root, "levels/", if (length(axes)) paste(axes, collapse = ",") else "all"), cell_cov(design, "y", axes))
  from$mse <- mse; same(SE(svymean(~y, from)), SE(svymean(~y, design)), 1e-10, "combined weights and the converted design")
  emit_logit(paste0(root, "logit/a * b"), tight_svyglm("y ~ a * b", design), "a:b")
  emit_interactions(paste0(root, "{kind}/a,b"), cell_cov(design, "y", c("a", "b")))
  stopifnot(all(cell_cov(design, "y", c("a", "b"))$theta > 0.02 & cell_cov(design, "y", c("a", "b"))$theta < 0.98))   # no replicate separates
  # a domain: df is counted again from the rank of the domain's replicate weights
  part <- domain(design, data$stratum <= 5)
  stopifnot(all(cell_cov(part, "y", c("a", "b"))$theta > 0.02 & cell_cov(part, "y", c("a", "b"))$theta < 0.98))
  emit_levels(paste0(root, "levels/all/domain:stratum<=5"), cell_cov(part, "y"))
  emit_logit(paste0(root, "logit/a * b/domain:stratum<=5"), tight_svyglm("y ~ a * b", part), "a:b")
}
write_rows("replicates.csv")
