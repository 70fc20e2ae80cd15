/* SPDX-License-Identifier: BSD-3-Clause */
/* hot.h - include last: what follows runs once per datagram and may not allocate, log, lock or wait */
#pragma GCC poison malloc calloc realloc free
#pragma GCC poison printf fprintf snprintf syslog
#pragma GCC poison rte_log rte_malloc rte_zmalloc rte_free
#pragma GCC poison clock_gettime usleep nanosleep pthread_mutex_lock pthread_cond_wait
