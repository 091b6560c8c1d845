#pragma once
#include <libpq-fe.h>

// The codes of PQresultErrorField are characters in macros, which Swift can't import.
static inline int CPostgres_diag_severity(void) { return PG_DIAG_SEVERITY_NONLOCALIZED; }
static inline int CPostgres_diag_sqlstate(void) { return PG_DIAG_SQLSTATE; }
static inline int CPostgres_diag_constraint(void) { return PG_DIAG_CONSTRAINT_NAME; }
