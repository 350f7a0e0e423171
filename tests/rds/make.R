# Files of saveRDS that tests read (test_r_files.py), of made-up people, and the same people as R writes them in CSV.
# Rscript tests/rds/make.R FOLDER
folder <- commandArgs(TRUE)[1]
into <- function(name) file.path(folder, name)

# haven's missing value with a letter: an NA whose fifth byte is that letter
tagged <- function(letter) {
  bytes <- writeBin(NA_real_, raw(), endian = "little")
  bytes[5] <- charToRaw(letter)
  readBin(bytes, "double", endian = "little")
}
labelled <- function(codes, ..., class = NULL) {
  structure(codes, ..., class = c(class, "haven_labelled", "vctrs_vctr", "double"))
}
n <- 24
people <- data.frame(
  id = seq_len(n),                                                   # kept as 1:24 alone
  trust = factor(rep(c("A little", "Not at all", "Completely"), 8), levels = c("Not at all", "A little", "Completely")),
  health = factor(rep(c("good", NA), 12), levels = c("poor", "good"), ordered = TRUE),
  region = rep(c("Île", "Süd", NA), 8),
  age = as.integer(c(NA, 20:42)),
  weight = c(NA, seq(0.5, by = 0.25, length.out = n - 1)),
  told = rep(c(TRUE, FALSE, NA), 8),
  born = as.Date("1960-02-28") + c(NA, 1:22, 2936491),               # some files say 9999-12-31 for never
  asked = as.POSIXct("2024-03-01 12:30:00", tz = "UTC") + c(NA, 1:23),
  whole = as.character(c(1:22, NA, 100000L)),                        # texts that R has not written yet
  spelt = as.character(c(0.1 + 0.2, 1e5, 123456.7, 1e15, 1e-5, 2, 1 / 3, 1e22, NA, 1:15 * 1000))
)
people$sex <- labelled(rep(c(1, 2, NA), 8), labels = c(Male = 1, Female = 2, Refused = 9), label = "Sex of the respondent")
people$party <- labelled(rep(c(1, 2, 98, 99), 6), labels = c(Left = 1, Right = 2, "Don't know" = 98),
                         na_values = 98, na_range = c(99, Inf), class = "haven_labelled_spss")
people$asks <- labelled(c(tagged("a"), tagged("b"), NA, rep(c(1, 2, 3), 7)), labels = c(Never = 1, Often = 3, Refused = tagged("a")))
# whole numbers of bit64 are kept in the bytes of doubles: 2^32 + 1 and so on
people$number <- structure(readBin(as.raw(c(rbind(1:n, 0, 0, 0, 1, 0, 0, 0))), "double", n, endian = "little"), class = "integer64")

saveRDS(people, into("people.rds"))
saveRDS(people, into("version-2.rds"), version = 2)
saveRDS(people, into("letters.rds"), ascii = TRUE)
saveRDS(people, into("bzip2.rds"), compress = "bzip2")
saveRDS(people, into("xz.rds"), compress = "xz")
saveRDS(people, into("plain.rds"), compress = FALSE)
native <- file(into("native.rds"), "wb")
serialize(people, native, xdr = FALSE)
close(native)
save(people, file = into("people.RData"))

# the same as texts
told <- people
told$asked <- format(told$asked, "%Y-%m-%dT%H:%M:%S")
told$number <- 2^32 + 1:n
plain <- lapply(told, function(column) {
  is_own <- is.factor(column) || inherits(column, "Date")
  as.character(if (is_own) column else as.vector(unclass(column)))
})
write.csv(as.data.frame(plain), into("people.csv"), row.names = FALSE, na = "", fileEncoding = "UTF-8")

few <- people["id"]
with_column <- function(name, column) { few[[name]] <- column; few }
saveRDS(with_column("town", iconv(rep("Süd", n), "UTF-8", "latin1")), into("latin-1.rds"))
tibble <- with_column("region", people$region)
class(tibble) <- c("tbl_df", "tbl", "data.frame")
attr(tibble, "spec") <- list(f = function(x) x, e = new.env())       # readr leaves such things beside the people
saveRDS(tibble, into("tibble.rds"))
spss <- with_column("sex", structure(rep(c(1, 2), 12), value.labels = c(Female = "2", Male = "1")))
attr(spss, "variable.labels") <- c(sex = "Sex of the respondent")    # as foreign::read.spss leaves them
saveRDS(spss, into("foreign.rds"))

saveRDS(with_column("town", iconv(rep("Süd", n), "UTF-8", "latin1", mark = FALSE)), into("unmarked.rds"), version = 2)

# what is no data frame of single answers: nothing of it may run
ran <- into("ran")
environment <- new.env()
delayedAssign("promised", file.create(ran), assign.env = environment)
makeActiveBinding("active", function() file.create(ran), environment)
reg.finalizer(environment, function(e) file.create(ran))
setClass("Survey", representation(people = "data.frame"))
refused <- list(
  list = list(people = people, more = 1),
  vector = 1:10,
  matrix = matrix(1:4, 2),
  environment = environment,
  `function` = function() file.create(ran),
  call = quote(file.create("ran")),
  class = new("Survey", people = few),
  null = NULL,
  `list-column` = with_column("several", lapply(seq_len(n), function(i) 1:2)),
  `code-column` = with_column("code", as.list(rep(expression(file.create("ran")), n))),
  `matrix-column` = with_column("several", matrix(seq_len(2 * n), n)),
  `complex-column` = with_column("complex", complex(real = 1:n, imaginary = 1)),
  twice = setNames(cbind(few, few), c("id", "id"))
)
for (name in names(refused)) saveRDS(refused[[name]], into(paste0("no-", name, ".rds")))
