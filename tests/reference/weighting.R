# Raked and post-stratified weights in the standard error, design effects, Rao-Scott tests: R's `api` samples and NHANES.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
prepare <- function(name) {
  d <- read.csv(data_file("r_survey", paste0(name, ".csv")))
  d$above600 <- as.numeric(d$api00 > 600); d$schoolwide <- as.numeric(d$sch.wide == "Yes"); d$no_ell <- as.numeric(d$ell == 0)
  d$stype <- factor(d$stype, levels = c("E", "H", "M"))
  d$answered <- d$snum %% 7 != 0                                          # the tests set above600 missing where snum is a multiple of 7
  d
}
strat <- prepare("apistrat"); clus1 <- prepare("apiclus1"); clus2 <- prepare("apiclus2")
designs <- list(
  `apistrat/strata+fpc` = svydesign(ids = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc, data = strat),
  `apistrat/strata+psu+fpc` = svydesign(ids = ~dnum, strata = ~stype, nest = TRUE, weights = ~pw, fpc = ~fpc, data = strat),
  `apiclus1/psu` = svydesign(ids = ~dnum, weights = ~pw, data = clus1),
  `apiclus1/psu+fpc` = svydesign(ids = ~dnum, weights = ~pw, fpc = ~fpc, data = clus1),
  `apiclus2/psu` = svydesign(ids = ~dnum, weights = ~pw, data = clus2))
pop_stype <- data.frame(stype = c("E", "H", "M"), Freq = c(4421, 755, 1018))
pop_wide <- data.frame(sch.wide = c("No", "Yes"), Freq = c(1072, 5122))
tight <- list(maxit = 1000, epsilon = 1e-12)

# `rake` and `calibrate(calfun = "raking")` give the same weights. For the SE the first regresses on the margins without weights, the second with
# the weights before raking: the same where those are all equal. The reference is the second.
raked <- function(d) {
  one <- rake(d, list(~stype, ~sch.wide), list(pop_stype, pop_wide), control = tight)
  two <- calibrate(d, ~stype + sch.wide, c(`(Intercept)` = 6194, stypeH = 755, stypeM = 1018, sch.wideYes = 5122), calfun = "raking", epsilon = 1e-13, maxit = 500)
  same(weights(one), weights(two), 1e-9, "weights of rake and of calibrate")
  if (diff(range(weights(d))) < 1e-9) same(SE(svymean(~api00, one)), SE(svymean(~api00, two)), 1e-8, "SE after rake and after calibrate")
  two
}
adjusted <- c(lapply(designs, raked), setNames(lapply(designs[c(1, 3, 4)], postStratify, ~stype, pop_stype), paste0(names(designs)[c(1, 3, 4)], "/stype")))
names(adjusted)[1:5] <- paste0(names(designs), "/stype,sch.wide")

total <- function(scenario, statistic, name = "all") { emit(scenario, "estimate", name, coef(statistic)); emit(scenario, "se", name, SE(statistic)) }
for (k in names(adjusted)) {
  d <- adjusted[[k]]; root <- paste0("weighting/", k)
  total(paste0(root, "/api00/mean"), svymean(~api00, d))
  if (!anyNA(d$variables$enroll)) {                                        # six schools of apiclus2 have none
    total(paste0(root, "/enroll/total"), svytotal(~enroll, d))
    total(paste0(root, "/api.stu,enroll/ratio"), svyratio(~api.stu, ~enroll, d))
  }
  for (y in c("above600", "no_ell")) {
    for (part in c("all", "stype!=H", "answered")) {
      s <- switch(part, all = d, `stype!=H` = subset(d, stype != "H"), answered = subset(d, answered))
      scenario <- paste0(root, "/", y, "/levels/{}", if (part != "all") paste0("/", part))
      m <- svymean(as.formula(paste0("~", y)), s)
      total(sub("{}", "all", scenario, fixed = TRUE), m); emit(sub("{}", "all", scenario, fixed = TRUE), "df", "design", degf(s))
      by <- svyby(as.formula(paste0("~", y)), ~comp.imp, s, svymean)
      total(sub("{}", "comp.imp", scenario, fixed = TRUE), by, paste0("comp.imp=", by$comp.imp))
      if (y == "no_ell") next
      fit <- suppressWarnings(tight_svyglm(paste(y, "~ comp.imp + meals"), s))   # zero weights outside the domain
      emit(sub("levels/{}", "logit/comp.imp + meals", scenario, fixed = TRUE), "coef", formulaic_names(fit), coef(fit))
      emit(sub("levels/{}", "logit/comp.imp + meals", scenario, fixed = TRUE), "se", formulaic_names(fit), SE(fit))
    }
  }
}
for (k in c("apiclus1/psu", "apiclus2/psu", "apistrat/strata+fpc")) {
  d <- adjusted[[paste0(k, "/stype,sch.wide")]]
  w <- tapply(weights(d), interaction(d$variables$stype, d$variables$sch.wide, sep = ";sch.wide=", lex.order = TRUE), mean)
  emit(paste0("weighting/", k, "/stype,sch.wide/weights"), "estimate", paste0("stype=", names(w)[!is.na(w)]), w[!is.na(w)])
}
a <- adjusted[["apiclus1/psu+fpc/stype,sch.wide"]]
printed_rtol(weights(a)[match(c("H Yes", "E Yes"), paste(a$variables$stype, a$variables$sch.wide))], c(50.329401, 29.870675), "raked weights", 1e-6)
printed(c(coef(svymean(~api00, a)), SE(svymean(~api00, a)), SE(svymean(~api00, adjusted[["apiclus1/psu/stype,sch.wide"]]))), c("641.2303209", "23.70362", "23.94201"), "raking")
printed_rtol(SE(svymean(~api00, adjusted[["apiclus1/psu+fpc/stype"]])), 23.921, "1.7", 1e-4)   # 23.92049: R rounds twice when it prints

# ---- design effects ---------------------------------------------------------------------------------------------------------
deffs <- function(scenario, d, y, axis) {
  f <- as.formula(paste0("~", y))
  for (kind in c("deff", "replace")) {
    how <- if (kind == "deff") TRUE else "replace"
    emit(scenario, "estimate", paste0(kind, "/all"), deff(svymean(f, d, deff = how)))
    for (level in sort(unique(d$variables[[axis]])))
      if (is.finite(value <- deff(svymean(f, domain(d, d$variables[[axis]] == level), deff = how)))) emit(scenario, "estimate", paste0(kind, "/", axis, "=", level), value)
  }
}
for (k in c("apistrat/strata+fpc", "apistrat/strata+psu+fpc", "apiclus1/psu")) for (y in c("above600", "schoolwide")) {
  deffs(paste0("weighting/", k, "/", y, "/design_effects"), designs[[k]], y, "comp.imp")
  deffs(paste0("weighting/", k, "/", y, "/design_effects/stype!=H"), subset(designs[[k]], stype != "H"), y, "comp.imp")
}
printed_rtol(deff(svymean(~schoolwide, designs[[1]], deff = TRUE)), 0.85557, "design effect of a proportion", 1e-4)
w <- strat$pw
emit("weighting/apistrat/kish", "estimate", c("deff", "n_eff"), c(1 + var(w) * (length(w) - 1) / length(w) / mean(w)^2, sum(w)^2 / sum(w^2)))

# ---- Rao-Scott --------------------------------------------------------------------------------------------------------------
rao_scott <- function(scenario, f, d) {
  test <- svychisq(f, d, statistic = "F")
  for (q in list(c("statistic", "statistic"), c("df_num", "ndf"), c("df_den", "ddf"), c("p_value", "p.value")))
    emit(scenario, q[1], "test", if (q[2] %in% c("ndf", "ddf")) test$parameter[[q[2]]] else test[[q[2]]])
  invisible(test)
}
x <- rao_scott("weighting/apistrat/strata+fpc/schoolwide/rao_scott/stype", ~schoolwide + stype, designs[[1]])
printed_rtol(c(x$statistic, x$parameter), c(17.24744396, 1.828671504, 360.248286), "Rao-Scott strata", 1e-9)
x <- rao_scott("weighting/apiclus1/psu+fpc/schoolwide/rao_scott/stype", ~schoolwide + stype, designs[["apiclus1/psu+fpc"]])
printed_rtol(c(x$statistic, x$parameter), c(5.193369541, 1.494639778, 20.924956888), "Rao-Scott PSUs", 1e-9)
rao_scott("weighting/apistrat/strata+fpc/schoolwide/rao_scott/stype,comp.imp", ~stype + comp.imp, designs[[1]])
rao_scott("weighting/apistrat/strata+psu+fpc/above600/rao_scott/comp.imp", ~above600 + comp.imp, designs[[2]])
rao_scott("weighting/apistrat/strata+psu+fpc/above600/rao_scott/comp.imp/stype!=H", ~above600 + comp.imp, subset(designs[[2]], stype != "H"))
rao_scott("weighting/apiclus1/psu/stype,sch.wide/above600/rao_scott/comp.imp", ~above600 + comp.imp, adjusted[["apiclus1/psu/stype,sch.wide"]])
jack <- as.svrepdesign(designs[["apiclus1/psu"]], type = "JK1", mse = TRUE)
rao_scott("weighting/apiclus1/jk1/schoolwide/rao_scott/stype", ~schoolwide + stype, jack)
nhanes <- read.csv(data_file("r_survey", "nhanes.csv"))
nhanes <- svydesign(ids = ~SDMVPSU, strata = ~SDMVSTRA, weights = ~WTMEC2YR, nest = TRUE, data = nhanes)
for (axis in c("RIAGENDR", "race")) {
  x <- rao_scott(paste0("weighting/nhanes/HI_CHOL/rao_scott/", axis), as.formula(paste("~ HI_CHOL +", axis)), nhanes)
  printed_rtol(c(x$statistic, x$parameter), if (axis == "race") c(3.1513386, 1.9229767, 30.7676269) else c(8.5663162, 1, 16), paste("Rao-Scott", axis), 1e-7)
}
write_rows("weighting.csv")
