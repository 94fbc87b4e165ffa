#include "ls_ledger.h"

void ls_ledger_touch(ls_ledger *ledger, size_t row, ls_ledger_why why)
{
    ledger->marks[row] |= (uint8_t)why;
}
