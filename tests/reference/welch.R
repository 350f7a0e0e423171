# Differences of two independent samples: Welch's t test, of which one sample is small.
source(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1])), "common.R"))
few <- as.numeric((0:6 * 7) %% 10 < 4)
some <- as.numeric((0:29 * 7) %% 11 < 4)
many <- as.numeric((0:3999 * 3) %% 11 < 3)
for (pair in list(c("few", "many"), c("some", "many"), c("few", "some"))) {
  x <- get(pair[1]); y <- get(pair[2])
  t <- t.test(y, x)
  scenario <- paste0("welch/", pair[1], "/", pair[2])
  v <- c(var(x) / length(x), var(y) / length(y))
  same(t$parameter, sum(v)^2 / sum(v^2 / (c(length(x), length(y)) - 1)), 1e-12, "t.test and the formula")
  emit(scenario, "estimate", "change", mean(y) - mean(x)); emit(scenario, "se", "change", t$stderr); emit(scenario, "df", "change", t$parameter)
  emit(scenario, "conf_low", "change", t$conf.int[1]); emit(scenario, "conf_high", "change", t$conf.int[2]); emit(scenario, "p_value", "change", t$p.value)
}
write_rows("welch.csv")
