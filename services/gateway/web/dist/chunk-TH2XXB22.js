import{_ as t,ja as e}from"./chunk-X4HOA3HS.js";function m(i){let r=t(e);return o=>{r.destroyed||i.emit(o)}}export{m as a};
