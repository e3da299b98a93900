"""Names that C's headers and libraries have already, those of GNU and of POSIX too."""

from __future__ import annotations

import re

_SUFFIX = re.compile(r"(?:f128|f64x|f32x|f64|f32|f16|f|l)(_r)?$")
"""Behind the names of functions of other real types."""

MACROS = frozenset(
    str.split(
        "BIG_ENDIAN BUFSIZ BYTE_ORDER CMPLX CMPLXF CMPLXL EOF EXIT_FAILURE EXIT_SUCCESS FD_CLR "
        "FD_ISSET FD_SET FD_SETSIZE FD_ZERO FILENAME_MAX FOPEN_MAX FP_ILOGB0 FP_ILOGBNAN "
        "FP_INFINITE FP_NAN FP_NORMAL FP_SUBNORMAL FP_ZERO HUGE_VAL HUGE_VALF HUGE_VALL I "
        "INFINITY LITTLE_ENDIAN L_ctermid L_tmpnam MATH_ERREXCEPT MATH_ERRNO MB_CUR_MAX M_1_PI "
        "M_2_PI M_2_SQRTPI M_E M_LN10 M_LN2 M_LOG10E M_LOG2E M_PI M_PI_2 M_PI_4 M_SQRT1_2 "
        "M_SQRT2 NAN NFDBITS NULL PDP_ENDIAN P_tmpdir RAND_MAX SEEK_CUR SEEK_END SEEK_SET "
        "TMP_MAX WCONTINUED WEXITED WEXITSTATUS WIFCONTINUED WIFEXITED WIFSIGNALED WIFSTOPPED "
        "WNOHANG WNOWAIT WSTOPPED WSTOPSIG WTERMSIG WUNTRACED assert be16toh be32toh be64toh "
        "complex errno fpclassify htobe16 htobe32 htobe64 htole16 htole32 htole64 i386 isfinite "
        "isgreater isgreaterequal isless islessequal islessgreater isnormal isunordered le16toh "
        "le32toh le64toh linux math_errhandling signbit stderr stdin stdout unix"
    )
)
"""What headers, or the compiler itself, replace by something else wherever it stands."""
_DECLARED = frozenset(
    str.split(
        "FILE a64l abort abs accept access acos acosh acospi alarm aligned_alloc alloca "
        "arc4random arc4random_buf arc4random_uniform asin asinh asinpi asprintf at_quick_exit "
        "atan atan2 atan2pi atanh atanpi atexit atof atoi atol basename bcmp bcopy bind bsearch "
        "bzero cabs cacos cacosh caddr_t calloc canonicalize canonicalize_file_name carg casin "
        "casinh catan catanh cbrt ccos ccosh ceil cexp chmod chown cimag clearenv clearerr "
        "clock_t clockid_t clog clog10 close closedir comparison_fn_t compoundn conj connect "
        "copysign cos cosh cospi cpow cproj creal csin csinh csqrt ctan ctanh ctermid cuserid "
        "daddr_t dev_t div double_t dprintf drand48 drand48_r drem dup ecvt ecvt_r environ "
        "erand48 erand48_r erf erfc exit exp exp10 exp10m1 exp2 exp2m1 explicit_bzero expm1 "
        "fabs fclose fcloseall fcvt fcvt_r fd_mask fdim fdopen feof ferror fflush ffs fgetc "
        "fgetpos fgets finite fiprintf float_t flockfile floor fma fmax fmaximum fmaximum_mag "
        "fmaximum_mag_num fmaximum_num fmaxmag fmemopen fmin fminimum fminimum_mag "
        "fminimum_mag_num fminimum_num fminmag fmod fopen fork fpos_t fprintf fputc fputs fread "
        "free freopen frexp fromfp fromfpx fscanf fseek fseeko fsetpos fsid_t fstat fstatvfs "
        "ftell ftello ftrylockfile funlockfile fwrite gamma gcvt getc getchar getdelim getenv "
        "getitimer getline getloadavg getpayload getpt getpwnam getsubopt gettimeofday getw "
        "gid_t grantpt htonl htons hypot id_t ilogb index initstate initstate_r ino_t int16_t "
        "int32_t int64_t int8_t iprintf isalnum isalpha isascii isdigit isinf isnan isspace j0 "
        "j1 jn jrand48 jrand48_r key_t kill l64a labs lchown lcong48 lcong48_r ldexp ldiv "
        "lgamma lgamma_r listen llabs lldiv llogb llrint llround locale_t loff_t log log10 "
        "log10p1 log1p log2 log2p1 logb logp1 lrand48 lrand48_r lrint lround lstat main malloc "
        "mblen mbstowcs mbtowc memalign memccpy memchr memcmp memcpy memfrob memmem memmove "
        "mempcpy memrchr memset mkdir mkdtemp mkostemp mkostemps mkstemp mkstemps mktemp mktime "
        "mode_t modf mrand48 mrand48_r nan nearbyint nextafter nextdown nexttoward nextup "
        "nrand48 nrand48_r ntohl ntohs obstack_printf obstack_vprintf off_t on_exit open "
        "open_memstream opendir pause pclose perror pid_t pipe popen posix_memalign "
        "posix_openpt pow pown powr pread printf pselect ptsname ptsname_r putc putchar putenv "
        "puts putw qecvt qecvt_r qfcvt qfcvt_r qgcvt qsort qsort_r quad_t quick_exit rand "
        "rand_r random random_r rawmemchr read readlink realloc reallocarray realpath recv "
        "remainder remove remquo rename renameat renameat2 rewind rindex rint rmdir rootn round "
        "roundeven rpmatch rsqrt scalb scalbln scalbn scanf secure_getenv seed48 seed48_r "
        "select send setbuf setbuffer setenv setitimer setlinebuf setpayload setpayloadsig "
        "setstate setstate_r setvbuf signal significand sigset_t sin sincos sincospi sinh sinpi "
        "siprintf size_t sleep snprintf socket sprintf sqrt srand srand48 srand48_r srandom "
        "srandom_r sscanf ssize_t statvfs stpcpy stpncpy strcasecmp strcasestr strcat strchr "
        "strchrnul strcmp strcoll strcpy strcspn strdup strerror strerror_r strfroml strfry "
        "strlen strncasecmp strncat strncmp strncpy strndup strnlen strpbrk strrchr strsep "
        "strsignal strspn strstr strtod strtof strtok strtok_r strtol strtold strtoll strtoq "
        "strtoul strtouq strverscmp strxfrm suseconds_t system tan tanh tanpi tempnam tgamma "
        "time time_t timer_t times tmpfile tmpnam tmpnam_r toascii tolower totalorder "
        "totalordermag toupper trunc ufromfp ufromfpx uid_t uint uint16_t uint32_t uint64_t "
        "uint8_t ulong uname ungetc unlink unlockpt unsetenv useconds_t ushort utime utimes "
        "va_list valloc vasprintf vdprintf vfprintf vfscanf vprintf vscanf vsnprintf vsprintf "
        "vsscanf wchar_t wcslen wcstombs wctomb write y0 y1 yn"
    )
)
"""Functions and types; the code or its compiler may call the former."""


def is_taken(name: str) -> bool:
    """Whether a function of C cannot have the name, as the C library has it.

    >>> is_taken("sincosf"), is_taken("sqrtf32"), is_taken("EOF"), is_taken("loss")
    (True, True, True, False)
    """
    wide = _SUFFIX.sub(r"\1", name)
    return name in MACROS or name in _DECLARED or wide in _DECLARED
