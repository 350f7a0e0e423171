# A stratum with one PSU (apiclus1 stratified by district; district 413 has one school) under R's policies.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
d <- read.csv(data_file("r_survey", "apiclus1.csv"))
d$above600 <- as.numeric(d$api00 > 600)
design <- svydesign(ids = ~1, weights = ~pw, strata = ~dnum, data = d)
elementary <- domain(design, d$stype == "E")
mean_of <- function(scenario, design, y) {
  m <- svymean(as.formula(paste0("~", y)), design)
  emit(scenario, "estimate", "all", coef(m)); emit(scenario, "se", "all", SE(m)); emit(scenario, "df", "design", degf(design)); emit(scenario, "n", "all", nrow(design$variables))
  drop(SE(m))
}
options(survey.lonely.psu = "fail")
refused <- tryCatch({ svymean(~api00, design); FALSE }, error = function(e) grepl("has only one PSU", conditionMessage(e)))
stopifnot(refused)                               # the fifth policy has no number: R raises "Stratum (413) has only one PSU at stage 1"
printed5 <- c(remove = 5.80577757828, certainty = 5.80577757828, adjust = 5.82805790165, average = 6.00955072796)
for (policy in names(printed5)) {
  options(survey.lonely.psu = policy)
  root <- paste0("lonely_psu/", policy, "/")
  printed_rtol(mean_of(paste0(root, "api00/mean/all"), design, "api00"), printed5[[policy]], paste("lonely", policy), 1e-11)
  mean_of(paste0(root, "above600/mean/all"), design, "above600")
  mean_of(paste0(root, "api00/mean/all/domain:stype=E"), elementary, "api00")
  emit_logit(paste0(root, "above600/logit/ell + meals"), tight_svyglm("above600 ~ ell + meals", design))
  emit_logit(paste0(root, "above600/logit/ell + meals/domain:stype=E"), tight_svyglm("above600 ~ ell + meals", elementary))
  # options(survey.adjust.domain.lonely=TRUE): strata left with one PSU by the domain are treated as lonely too (not R's default)
  options(survey.adjust.domain.lonely = TRUE)
  suppressWarnings(mean_of(paste0(root, "api00/mean/all/domain:stype=E/adjust_domain"), elementary, "api00"))
  options(survey.adjust.domain.lonely = FALSE)
}
write_rows("lonely_psu.csv")
