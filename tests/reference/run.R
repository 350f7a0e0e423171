# Rscript run.R          re-runs every script into a temporary folder and compares with the committed CSVs; exit 1 names every drifted row.
# Rscript run.R --write  overwrites the CSVs and VERSIONS.csv.
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
write <- "--write" %in% commandArgs(TRUE)
RTOL <- 1e-9; ATOL <- 1e-12
PACKAGES <- c("survey", "metafor", "lme4", "glmmTMB", "brglm2", "mitools")
scripts <- c("hints6.R", "hints7.R", "hints_stored.R", "replicates.R", "api.R", "nhanes.R", "lonely_psu.R", "estimates.R", "weighting.R", "pooling.R", "sensitivity.R", "panel.R", "maihda.R", "diagnostics.R", "lonely_groups.R", "maihda_weighted.R", "welch.R")
keys <- list(hints6.csv = 1:3, hints7.csv = 1:3, hints_cells.csv = 1:3, hints_stored.csv = 1:5, api.csv = 1:3, nhanes.csv = 1:3, lonely_psu.csv = 1:3, estimates.csv = 1:3, weighting.csv = 1:3, pooling.csv = 1:3, sensitivity.csv = 1:3, panel.csv = 1:3, sensitivity_smi.csv = 1:2, sensitivity_endometrial.csv = integer(0), maihda.csv = 1:3, maihda_data.csv = integer(0), diagnostics.csv = 1:3, lonely_groups.csv = 1:3, maihda_weighted.csv = 1:3, maihda_weighted_data.csv = integer(0), welch.csv = 1:3, replicates.csv = 1:3, replicates_scales.csv = 1:2, replicates_data.csv = integer(0))

out <- tempfile("reference_")
dir.create(out)
Sys.setenv(TRUSTLIB_REFERENCE_OUT = out, OMP_NUM_THREADS = "1", OPENBLAS_NUM_THREADS = "1")
failed <- unlist(parallel::mclapply(scripts, function(s) {
  log <- tempfile()
  code <- system2(file.path(R.home("bin"), "Rscript"), shQuote(file.path(here, s)), stdout = log, stderr = log)
  text <- readLines(log, warn = FALSE)
  if (length(text)) cat(paste0(s, ": ", text), sep = "\n")
  if (code != 0) s
}, mc.cores = 2, mc.preschedule = FALSE))
if (length(failed)) { cat("failed:", failed, "\n"); quit(status = 1) }

versions <- data.frame(component = c("R", PACKAGES, "platform"), version = c(paste(R.version$major, R.version$minor, sep = "."), vapply(PACKAGES, function(p) as.character(packageVersion(p)), ""), R.version$platform))
if (write) {                                                             # only once every script has succeeded
  stopifnot(all(file.copy(file.path(out, names(keys)), here, overwrite = TRUE)))
  write.csv(versions, file.path(here, "VERSIONS.csv"), row.names = FALSE, quote = FALSE)
  cat("written:", names(keys), "VERSIONS.csv\n")
  quit(status = 0)
}
known <- read.csv(file.path(here, "VERSIONS.csv"), colClasses = "character")
if (!identical(known$version, versions$version)) cat("note: made with", known$version, "; this is", versions$version, "\n")

drift <- character(0)
read <- function(folder, file) read.csv(file.path(folder, file), colClasses = "character", check.names = FALSE)
for (file in names(keys)) {
  if (!file.exists(file.path(here, file))) { drift <- c(drift, paste(file, "is not committed")); next }
  old <- read(here, file); new <- read(out, file)
  key <- function(t) if (length(keys[[file]])) do.call(paste, c(unname(t[keys[[file]]]), sep = " | ")) else paste("row", seq_len(nrow(t)))
  ko <- key(old); kn <- key(new)
  drift <- c(drift, paste(file, setdiff(ko, kn), "no longer made", recycle0 = TRUE), paste(file, setdiff(kn, ko), "not committed", recycle0 = TRUE))
  if (!identical(names(old), names(new))) { drift <- c(drift, paste(file, "columns differ")); next }
  both <- intersect(ko, kn)
  for (column in setdiff(names(old), names(old)[keys[[file]]])) {
    a <- old[[column]][match(both, ko)]; b <- new[[column]][match(both, kn)]
    x <- suppressWarnings(as.numeric(a)); y <- suppressWarnings(as.numeric(b))
    rtol <- if (file %in% c("maihda.csv", "maihda_weighted.csv")) 1e-5 else RTOL                        # its optimisers stop where they stop
    ok <- a == b | (!is.na(x) & !is.na(y) & abs(x - y) <= ATOL + rtol * abs(x))
    drift <- c(drift, paste0(file, " ", both[!ok], " ", column, ": ", a[!ok], " is now ", b[!ok], recycle0 = TRUE))
  }
}
unlink(out, recursive = TRUE)
if (length(drift)) { cat(drift, sep = "\n"); cat(length(drift), "rows drifted\n"); quit(status = 1) }
cat("all reference numbers reproduced to", RTOL, "\n")
